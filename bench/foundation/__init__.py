"""What every other room stands on: errors, files, the grammar of specs, lazy registries."""
