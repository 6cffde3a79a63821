"""What is left of a User-Agent once its week is over: its family, and a hash that tells one from another.

The rest is written as an agent that the rules judge as they judged the whole one, so hits that are looked at
again beside newer ones stay what they were.
"""

from hashlib import sha256

from nurture.intake.agents import is_picture_proxy, is_program, loads_ahead, system_of

_WORDS = {"phone": "windows phone", "ios": "iphone", "mac": "macintosh", "chromeos": "cros"}
"""System -> the word that names it in an agent, where that is another one."""


def family_of(agent: str) -> str:
    """The family of an agent and eight bytes of its hash: `Mozilla/5.0 (windows; 0x0123456789abcdef)`."""
    if loads_ahead(agent):  # the same letters for everybody
        return agent
    mark = f"0x{sha256(agent.encode()).hexdigest()[:16]}"
    if is_picture_proxy(agent):
        return f"Mozilla/5.0 (GoogleImageProxy; {mark})"
    if is_program(agent):
        return f"program ({mark})"
    system = system_of(agent)
    return f"Mozilla/5.0 ({_WORDS.get(system, system)}; {mark})" if system else f"Mozilla/5.0 ({mark}) Gecko/"
