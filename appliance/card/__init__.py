"""What passes between the appliance and the SD card's boot partition, or a USB stick.

Runs as root, apart from the appliance, and takes all that it finds there for untrusted: what is
read is bounded, nothing that is found names a file, and no link is followed.
"""
