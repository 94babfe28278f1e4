"""What happens below the roots of this machine's own disks, and what follows for documents."""
