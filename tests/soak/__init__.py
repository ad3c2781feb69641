"""Commands that are killed, starved and damaged again and again: nothing may be lost, and the same command must finish.

``make soak`` runs it. A case copies a prepared folder, runs a command there in a process that dies on the way, runs the same
command again, and compares what lies there then with what an undisturbed command leaves. Processes are forked from one that
has imported everything, so a case takes a second.
"""
