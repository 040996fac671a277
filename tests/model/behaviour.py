"""What a model of sentiment is expected to do with plain sentences (after CheckList, Ribeiro et al. 2020)."""

COMPLAINTS = (
    "worst airline ever",
    "3 hours late and nobody says why",
    "you lost my bag again",
    "I hate this",
    "so rude",
    "terrible service, never again",
    "still waiting on hold, what a joke",
    "my flight was cancelled and nobody helps",
)
PRAISE = (
    "thank you so much",
    "great flight, lovely crew",
    "I love this",
    "best service ever",
    "so happy today",
    "smooth landing and friendly staff, thanks",
    "what a wonderful surprise",
    "you made my day",
)
SAME = (
    ("@united my bag is lost", "@delta my bag is lost"),
    ("so late http://t.co/abc", "so late https://example.org/x?y=1"),
    ("I don&#39;t like it", "I don't like it"),
    ("never again", "  never\tagain "),
)
WORSE = (
    ("the crew was helpful", "the crew was not helpful"),
    ("I like this airline", "I don't like this airline"),
    ("good food", "terrible food"),
    ("thanks for the help", "thanks for nothing, the worst help"),
    ("we left on time", "we left two hours late"),
)
ODD = ("\u2602\ufe0f" * 3, "\U0001f600", "x" * 2000, "#", "1234", "\u0645\u0631\u062d\u0628\u0627", "\ufffd\u200d")
