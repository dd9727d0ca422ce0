# docker build -t promptgit .
# docker run --rm -v promptgit:/data promptgit promptgit token create me --scope admin   # first: others need a token
# docker run -p 8000:8000 -v promptgit:/data --stop-timeout 60 promptgit
FROM python:3.11-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --home-dir /data promptgit \
    && install --directory --owner promptgit --group promptgit /data

WORKDIR /opt/promptgit
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY promptgit ./promptgit
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

USER promptgit
ENV PROMPTGIT_DATA=/data PROMPTGIT_HOST=0.0.0.0
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('PROMPTGIT_PORT', '8000') + '/healthz', timeout=4)"]
CMD ["promptgit", "serve"]
