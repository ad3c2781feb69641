"""Image-quality data sets rated by people, read from the user's own copy: they may not be passed on."""
