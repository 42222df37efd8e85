"""In place of Finesse: the same paths and the same XML, answered with what came of it."""
