"""The library every Vigie service uses."""
