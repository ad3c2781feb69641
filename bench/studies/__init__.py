"""Many evaluations at once: measures of the zoo, and claims of papers."""
