"""What looks at the world: each probe is bounded in time and brings a value of `doctor.seen`."""
