// The microphone as a WAVE file: every encoder reads it, whatever the browser would rather write.

const MOST_S = 60;

/** Start to record; `stop` gives a file, `cancel` nothing. Rejects where there is no microphone, or no leave. */
export async function record({ onLevel, onFull }) {
  if (!navigator.mediaDevices)
    throw new Error("the browser gives no microphone to pages that come neither from this machine nor over https");
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const context = new AudioContext();
  await context.audioWorklet.addModule("/static/js/recorder_worklet.js");
  const recorder = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  const pieces = [];
  let n = 0;
  recorder.port.onmessage = ({ data }) => {
    pieces.push(data);
    n += data.length;
    onLevel(
      data.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0),
      n / context.sampleRate,
    );
    if (n >= MOST_S * context.sampleRate) onFull();
  };
  const source = context.createMediaStreamSource(stream);
  source.connect(recorder);
  const end = () => {
    source.disconnect();
    for (const track of stream.getTracks()) track.stop();
    context.close();
  };
  return {
    stop() {
      end();
      if (!n) throw new Error("nothing was recorded");
      return new File([wave(pieces, n, context.sampleRate)], "recording.wav", { type: "audio/wav" });
    },
    cancel: end,
  };
}

/** Write samples between -1 and 1 as WAVE: one channel, 16 bits. */
export function wave(pieces, n, sample_rate_hz) {
  const view = new DataView(new ArrayBuffer(44 + 2 * n));
  const write = (at, text) => [...text].forEach((letter, place) => view.setUint8(at + place, letter.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + 2 * n, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sample_rate_hz, true);
  view.setUint32(28, 2 * sample_rate_hz, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  write(36, "data");
  view.setUint32(40, 2 * n, true);
  let at = 44;
  for (const piece of pieces) {
    for (const sample of piece) {
      view.setInt16(at, Math.max(-1, Math.min(1, sample)) * 32767, true);
      at += 2;
    }
  }
  return view.buffer;
}
