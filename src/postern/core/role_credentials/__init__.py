"""Where role credentials come from: the sources, what they are told of the person, and the port to STS."""
