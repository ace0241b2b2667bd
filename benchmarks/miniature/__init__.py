"""The proof in miniature: small VLMs of real classes, trained from scratch on rendered scenes, frozen, and then asked.

No weights of a real LLaVA or Qwen-VL were at hand. README.md has the commands.
"""
