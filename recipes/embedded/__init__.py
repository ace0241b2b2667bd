"""How the shipped ψ was made; README.md has the commands."""
