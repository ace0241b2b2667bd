"""How what semclip ships was made."""
