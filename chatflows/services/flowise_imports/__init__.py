"""Coming over from Flowise: what lies there is read, a plan is made of it and shown, then done."""
