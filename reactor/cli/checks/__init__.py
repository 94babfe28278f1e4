"""What `sitesync doctor` looks at. A check reads, and leaves everything as it was."""
