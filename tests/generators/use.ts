// Compiled, not run: what `made.d.ts` must tell of answers and refusals.
import type { components, paths } from "./made";

type Create = paths["/api/prompts"]["post"];
type Refused = Create["responses"][409]["content"]["application/problem+json"];

export function taken(refused: Refused): string {
  return refused.code === "name_taken" ? refused.prompt_id : refused.detail;
}

export function reasons(invalid: components["schemas"]["Invalid"]): string[] {
  return Object.values(invalid.errors).flat();
}

export const body: NonNullable<Create["requestBody"]>["content"]["application/json"] = { name: "a", content: "b" };
