// A session with the vendor's SDK for Node, reported as a line of JSON for each event.
//
// node vendor_sdk.mjs CASE WSS_URL HTTPS_URL API_KEY AUDIO.raw, in a folder in which npm installed assemblyai.
// The audio is mono s16le, 16000 Hz. Cases: session, speakers, force, update, refused, frame, token.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { AssemblyAI } = createRequire(join(process.cwd(), "client.js"))("assemblyai");
const [name, websocketBaseUrl, streamingBaseUrl, apiKey, file] = process.argv.slice(2);
const audio = readFileSync(file);
const BYTES_PER_MS = 32;

const report = (type, fields = {}) => console.log(JSON.stringify({ type, ...fields }));

function client(options = {}) {
  const sdk = new AssemblyAI({ apiKey, streamingBaseUrl });
  const transcriber = sdk.streaming.transcriber({
    websocketBaseUrl,
    sampleRate: 16000,
    speechModel: "universal-streaming-english",
    connectTimeout: 30000,
    maxConnectionRetries: 0,
    ...options,
  });
  transcriber.on("open", ({ id, configuration }) => report("open", { id, configuration }));
  transcriber.on("turn", (turn) => report("Turn", turn));
  for (const event of ["heartbeat", "silence", "speakerRevision"])
    transcriber.on(event, (message) => report(message.type, message));
  transcriber.on("error", ({ code, message }) => report("error", { code, message }));
  return transcriber;
}

function speak(transcriber, from, to, frame = 100) {
  for (let at = from; at < to; at += frame) {
    const piece = Buffer.alloc(frame * BYTES_PER_MS);
    audio.copy(piece, 0, at * BYTES_PER_MS, (at + frame) * BYTES_PER_MS);
    transcriber.sendAudio(piece);
  }
}

const closed = (transcriber) =>
  new Promise((resolve) =>
    transcriber.on("close", (code, reason) => resolve(report("close", { code, reason }))),
  );

const cases = {
  async session(transcriber = client({ formatTurns: true, keytermsPrompt: ["little screen"] })) {
    await transcriber.connect();
    speak(transcriber, 0, audio.length / BYTES_PER_MS);
    await transcriber.close(true, 60000);
  },

  async force() {
    const transcriber = client();
    await transcriber.connect();
    speak(transcriber, 0, 2000);
    transcriber.forceEndpoint();
    transcriber.keepAlive();
    speak(transcriber, 2000, 3400);
    await transcriber.close(true, 60000);
  },

  async speakers() {
    const transcriber = client({
      speechModel: "universal-3-6-pro",
      sessionHeartbeat: true,
      acknowledgeSilence: true,
      speakerLabels: true,
      maxSpeakers: 2,
    });
    const heard = Promise.all(
      ["heartbeat", "silence"].map((event) =>
        new Promise((resolve) =>
          transcriber.on(event, (message) => resolve(report(message.type, message))),
        ),
      ),
    );
    await transcriber.connect();
    for (const turn of [0, 1]) {
      speak(transcriber, 0, 2000);
      transcriber.forceEndpoint();
    }
    for (let piece = 0; piece < 30; piece++) transcriber.sendAudio(Buffer.alloc(100 * BYTES_PER_MS));
    await heard;
    await transcriber.close(true, 60000);
  },

  async update() {
    const transcriber = client();
    await transcriber.connect();
    transcriber.updateConfiguration({ format_turns: true, min_turn_silence: 300 });
    speak(transcriber, 0, 3400);
    await transcriber.close(true, 60000);
  },

  async refused() {
    const transcriber = client({ encoding: "opus" });
    await transcriber.connect().catch(({ code, message }) => report("refused", { code, message }));
  },

  async frame() {
    const transcriber = client();
    const end = closed(transcriber);
    await transcriber.connect();
    speak(transcriber, 0, 49, 49);
    await end;
  },

  async token() {
    const sdk = new AssemblyAI({ apiKey, streamingBaseUrl });
    const token = await sdk.streaming.createTemporaryToken({ expires_in_seconds: 60 });
    const transcriber = client({ token });
    await transcriber.connect();
    await transcriber.close(true, 60000);
    await client({ token })
      .connect()
      .catch(({ code, message }) => report("refused", { code, message }));
  },
};

await cases[name]();
