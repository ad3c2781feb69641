"""What an attacker may do to an input: one file per threat, named in :data:`attacks.THREATS`."""
