"""What all pages share: navigation, lists, search, icons, bars, errors, headers."""
