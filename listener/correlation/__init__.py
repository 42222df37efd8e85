"""What belongs to what: pending requests, evidence, outcomes. Pure: no clock, no loop, no wire."""
