"""Types that every part shares: events, turns, the audio format, network errors."""
