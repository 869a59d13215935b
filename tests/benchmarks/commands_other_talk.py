"""A hundred sentences that are no commands: near misses, reported speech, parts, and other talk."""

OTHER_TALK = """
    Turn off the lab.
    Turn on the lamb.
    Turn on the lump.
    Turn on the lamps.
    Turn on a lamp.
    Turn on the light.
    Turn on the camp.
    Turn on the ramp.
    Turn up the lamp.
    Turn over the lamp.
    Turn off the lane.
    Turn of the lamp.
    Burn off the lamp.
    Turn the lamp on please now.
    Turn the lamp around.
    Turn the lamb on.
    Please turn on the lamp.
    Don't turn on the lamp.
    Turn on the lamp and the radio.
    Turn on the ratio.
    Turn off the radio.
    Turn on the video.
    Clear the screens.
    Clear the scream.
    Clean the screen.
    Clear the green.
    Bigger ladders.
    Better letters.
    Make it big.
    Small letters.
    Make it bitter.
    Brighter place.
    Much brighter, please.
    Dark.
    Darker peas.
    Mark is here.
    Mark the list.
    Remember the moment.
    Stop listing.
    Start listening.
    Stop.
    That is all for now.
    Call the purse.
    Call a nurse.
    Call the nurses.
    You need help.
    I need your help.
    I made some help.
    Play some tennis.
    Play some more music.
    Turn on.
    The lamp.
    She said, turn on the lamp.
    I told him to turn off the lamp.
    When it gets dark we turn on the lamp in the hall.
    You only have to say clear the screen and the words are gone.
    I would never take a note of that.
"""
"""Said near a box that takes commands without a prefix."""

UNCALLED = """
    Turn on the lamp.
    Turn off the lamp.
    Stop listening.
    Clear the screen.
    Bigger letters.
    Call the nurse.
    Play some music.
    Take a note: buy milk and bread.
    Computer.
    Computer, please.
    Computer, turn on the lamb.
    Computer, turn off the lab.
    Computer, turn on the lamps.
    Computer, turn on the light.
    Computer, turn on the lamp now.
    Computer, can you turn on the lamp?
    Computer, please turn on the lamp.
    Computer, turn on the video.
    Computer, clean the screen.
    Computer, clear the green.
    Computer, make it bitter.
    Computer, better letters.
    Computer, small letters.
    Computer, stop.
    Computer, stop listing.
    Computer, mark is here.
    Computer, call a nurse.
    Computer, call the purse.
    Computer, you need help.
    Computer, play some tennis.
    Computers, turn on the lamp.
    Commuter, turn on the lamp.
    Compute a turn of the lamp.
    Turn on the lamp, computer.
    The computer can turn on the lamp.
    My computer is on the table beside the lamp.
    Turn off the computer, and turn on the lamp.
    She told the computer to clear the screen.
    I need some help with my computer.
    Computer games are not for me.
    A computer took a note of it.
    Where did you put the keys to the kitchen?
    I will call the doctor again tomorrow morning.
"""
"""Said near a box that takes what follows "computer"."""
