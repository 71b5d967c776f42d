"""Who gets which task: queues, parked polls, sessions. Queues hold no truth; a run that changed
refuses the grant.
"""
