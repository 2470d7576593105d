"""Taking files in: each stage feeds the next."""
