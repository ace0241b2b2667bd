"""What a frozen reader of letters can read in the pictures that a 336-px model is given."""
