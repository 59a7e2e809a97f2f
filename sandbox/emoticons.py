"""HipChat's own emoticons, and those a group adds."""

import re

from .clock import Clock
from .records import Emoticon, Missing, SandboxError, User
from .store import Store

# HipChat API v2, emoticons: the words of 2014 and 2015; more came later.
WORDS = """
allthethings android areyoukiddingme arrington arya ashton atlassian awthanks awyeah badass badjokeeel
badpokerface basket beer bitbucket boom branch bumble bunny cadbury cake candycorn caruso ceilingcat cereal
cerealspit challengeaccepted chewie chocobunny chompy chris chucknorris clarence coffee confluence content
continue cornelius daenerys dance dealwithit derp disapproval doge dosequis drevil ducreux dumb embarrassed
facepalm failed firstworldproblem fonzie foreveralone freddie fry fu fwp gangnamstyle garret gates ghost
goodnews greenbeer grumpycat gtfo haveaseat heart hipchat hipster hodor huh ilied indeed iseewhatyoudidthere
itsatrap jackie jaime jira jobs joffrey jonsnow kennypowers krang kwanzaa lincoln lol lolwut megusta menorah
mindblown ned nextgendev ninja notbad nothingtodohere notsureif notsureifgusta obama ohcrap ohgodwhy okay omg
oops orly pbr pete philosoraptor pingpong pirate pokerface poo present pumpkin rageguy rebeccablack reddit
romney rudolph sadpanda sadtroll samuel santa scumbag seomoz shamrock shrug skyrim stare stash success
successful sweetjesus tableflip taft tea thumbsdown thumbsup tree troll truestory trump turkey twss tyrion
tywin unknown washington wat whynotboth wtf yey yodawg yougotitdude yuno zoidberg zzz
"""
KINDS = ("all", "global", "group")


class Emoticons:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._global = [Emoticon(number, None, word, None, 0) for number, word in enumerate(WORDS.split(), 1)]

    def create(self, creator: User, shortcut: str) -> Emoticon:
        """Add one to the creator's group. Raises SandboxError for what no message could call up."""
        shortcut = shortcut.lower()
        if not re.fullmatch(r"[a-z0-9]{1,50}", shortcut):
            raise SandboxError("A shortcut is made of letters a to z and digits.")
        if any(found.shortcut == shortcut for found in self.of_group(creator.group_id)):
            raise SandboxError(f"({shortcut}) is taken.")
        with self._store.transaction():
            number = self._store.next_id()
            self._store.insert(
                "emoticons",
                id=number,
                group_id=creator.group_id,
                shortcut=shortcut,
                creator_id=creator.id,
                created=self._clock.micros(),
            )
        return self.find(creator.group_id, str(number))

    def of_group(self, group_id: int, kind: str = "all") -> list[Emoticon]:
        """HipChat's own, then the group's, or one `kind` of them."""
        rows = self._store.rows("SELECT * FROM emoticons WHERE group_id = ? ORDER BY id", group_id)
        added = [Emoticon(**row) for row in rows]
        return [*(self._global if kind != "group" else []), *(added if kind != "global" else [])]

    def find(self, group_id: int, key: str) -> Emoticon:
        for found in self.of_group(group_id):
            if key in (str(found.id), found.shortcut):
                return found
        raise Missing(f"Emoticon {key} not found")
