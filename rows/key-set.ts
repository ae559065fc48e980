/**
 * Which keys were seen, in eight bytes for each: a hundred million fit where a Map would hold a few. A key that was not
 * seen is called seen once in some million million times, so what follows from it has to be looked at again.
 */
export class KeySet {
  private slots = new Float64Array(1_024);
  private size = 0;

  /** Adds a key. @returns whether it was there already */
  add(key: string): boolean {
    if (this.size * 2 >= this.slots.length) this.grow();
    const there = this.insert(hashOf(key));
    if (!there) this.size += 1;
    return there;
  }

  has(key: string): boolean {
    const hash = hashOf(key);
    return this.slots[this.slotOf(hash)] === hash;
  }

  private insert(hash: number): boolean {
    const at = this.slotOf(hash);
    const there = this.slots[at] === hash;
    this.slots[at] = hash;
    return there;
  }

  /** Where a hash is, or would be put. */
  private slotOf(hash: number): number {
    const { length } = this.slots;
    let at = hash % length;
    while (this.slots[at] !== 0 && this.slots[at] !== hash) at = (at + 1) % length;
    return at;
  }

  private grow(): void {
    const before = this.slots;
    this.slots = new Float64Array(before.length * 2);
    for (const hash of before) if (hash !== 0) this.insert(hash);
  }
}

/** 53 bits that depend on every character, never 0 (after cyrb53, which is in the public domain). */
function hashOf(text: string): number {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    a = Math.imul(a ^ code, 2_654_435_761);
    b = Math.imul(b ^ code, 1_597_334_677);
  }
  a = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909);
  b = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909);
  return 4_294_967_296 * (2_097_151 & b) + (a >>> 0) || 1;
}
