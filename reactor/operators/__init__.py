"""What operators ask for from the command line, and how it is carried out."""
