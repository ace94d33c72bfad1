"""Every file here holds tasks; a worker finds them by itself."""
