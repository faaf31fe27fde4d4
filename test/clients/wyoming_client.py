"""Speaks with a Wyoming server through the official client (PyPI wyoming). Not part of the tests, which need no Python:
    mynah serve --wyoming 10200
    pip install wyoming && python test/clients/wyoming_client.py 127.0.0.1 10200
"""

import asyncio
import sys

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.info import Describe, Info
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)


async def read_audio(client: AsyncTcpClient, last: type) -> float:
    """Seconds of audio up to the event of type `last`."""
    seconds, started = 0.0, False
    while True:
        event = await client.read_event()
        assert event is not None, "the server closed the connection"
        assert event.type != "error", event.data
        if AudioStart.is_type(event.type):
            started = True
        if AudioChunk.is_type(event.type):
            seconds += AudioChunk.from_event(event).seconds
        if last.is_type(event.type):
            assert started
            return seconds


async def main(host: str, port: int) -> None:
    async with AsyncTcpClient(host, port) as client:
        await client.write_event(Describe().event())
        info = Info.from_event(await client.read_event())
        voices = [voice.name for voice in info.tts[0].voices]
        print(f"{info.tts[0].name}: {voices}, streaming {info.tts[0].supports_synthesize_streaming}")
        await client.write_event(Synthesize(text="Hello from Wyoming.", voice=SynthesizeVoice(name=voices[-1])).event())
        print(f"synthesize: {await read_audio(client, AudioStop):.2f} s")
        await client.write_event(SynthesizeStart(voice=SynthesizeVoice(name=voices[0])).event())
        for text in ["This text is sti", "ll being written. ", "Here is its end."]:
            await client.write_event(SynthesizeChunk(text=text).event())
        await client.write_event(SynthesizeStop().event())
        print(f"streamed: {await read_audio(client, SynthesizeStopped):.2f} s")


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
