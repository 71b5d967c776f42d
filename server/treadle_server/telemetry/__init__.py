"""What the server tells about itself: traces made from the journal, metrics, logs.

It observes what was committed and changes nothing. Import the modules; nothing is exported here.
"""
