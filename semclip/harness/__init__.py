"""semclip before the model of somebody else's evaluation: lmms-eval and VLMEvalKit."""
