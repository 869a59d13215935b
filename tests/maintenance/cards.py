"""A box with a boot partition, and what somebody put there."""

from pathlib import Path

from appliance.maintenance.paths import Box
from appliance.maintenance.provisioning.secrets_in_toml import Secret

KEY = "0123456789abcdef0123456789abcdef"

TEXT = f'# My box\r\n[service]\r\napi_key = "{KEY}"\r\n[button]\r\npin = 22\r\n'
LEFT = '# My box\r\n[service]\r\n# api_key = ""\r\n[button]\r\npin = 22\r\n'
"""Before and after its key was taken over."""


class Card(Box, frozen=True):
    """A box as it was installed, with a boot partition."""

    @property
    def partition(self) -> Path:
        return self.root / "boot/firmware"

    @property
    def file(self) -> Path:
        return self.partition / "appliance.toml"

    def put(self, text: str | bytes, name: str = "appliance.toml") -> None:
        data = text.encode() if isinstance(text, str) else text
        (self.partition / name).write_bytes(data)

    def secret(self, secret: Secret = Secret.API_KEY) -> str | None:
        path = self.credentials / secret.value
        return path.read_text() if path.exists() else None

    def everything_on_the_partition(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.partition.iterdir() if path.is_file())

    def temporary_files(self) -> list[Path]:
        return list(self.root.rglob("*.new"))


def new_card(root: Path) -> Card:
    card = Card(root)
    card.partition.mkdir(parents=True)
    card.settings.parent.mkdir(parents=True)
    card.settings.write_text('name = "installed"\n')
    return card
