"""What a prompt, a name, a label, a text and a history are: pure functions and frozen values, no I/O."""
