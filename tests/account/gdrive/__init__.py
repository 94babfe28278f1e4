"""What the emulator of Google Drive assumes, asked of a real account by a person who has one."""
