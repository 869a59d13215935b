"""Drawing of scenes as one-bit pictures: text layout, fonts, icons, status bar."""
