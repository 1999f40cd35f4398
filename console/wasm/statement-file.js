// Reads bank statements with the Rust code of the command `import`, compiled to WebAssembly by `python3 local wasm`.
// Types and meaning are in statement-file.d.ts.

export function latestToday(now) {
  const latestZoneHours = 14;
  return new Date(now.getTime() + latestZoneHours * 3_600_000).toISOString().slice(0, 10);
}

export class StatementFile {
  #module;

  constructor(module) {
    this.#module = module;
  }

  async inspect(file) {
    const exports = await this.#exports();
    return answer(exports, exports.inspect_file(put(exports, file), file.length));
  }

  async read(file, options) {
    const exports = await this.#exports();
    const text = new TextEncoder().encode(JSON.stringify(options));
    const [fileAt, optionsAt] = [put(exports, file), put(exports, text)];
    return answer(exports, exports.read_file(fileAt, file.length, optionsAt, text.length));
  }

  async #exports() {
    return (await WebAssembly.instantiate(this.#module, {})).exports;
  }
}

function put(exports, bytes) {
  const address = exports.allocate(bytes.length);
  new Uint8Array(exports.memory.buffer, address, bytes.length).set(bytes);
  return address;
}

/** The address of an answer is in the upper half, its length in the lower one. */
function answer(exports, result) {
  const [address, length] = [Number(BigInt.asUintN(64, result) >> 32n), Number(result & 0xffff_ffffn)];
  return JSON.parse(new TextDecoder().decode(new Uint8Array(exports.memory.buffer, address, length)));
}
