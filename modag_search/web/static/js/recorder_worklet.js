// Runs beside the page: hands on what the microphone hears, a tenth of a second at a time.

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.kept = [];
    this.n = 0;
  }

  process([[samples]]) {
    if (!samples) return true;
    this.kept.push(samples.slice());
    this.n += samples.length;
    if (this.n >= sampleRate / 10) {
      const piece = new Float32Array(this.n);
      let at = 0;
      for (const one of this.kept) {
        piece.set(one, at);
        at += one.length;
      }
      this.port.postMessage(piece, [piece.buffer]);
      this.kept = [];
      this.n = 0;
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
