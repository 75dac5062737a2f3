// Linear memory above the static data: one bump allocator for the whole module. Nothing in this
// module uses the language's own heap; areas live until the module instance goes.

let top: usize = 0;

/**
 * The address of `bytes` fresh zeroed bytes, aligned to 64; 0 when the memory cannot grow any more.
 */
export function reserve(bytes: usize): usize {
  if (top == 0) top = (__heap_base + 63) & ~63;
  const address = top;
  // 64 bytes of slack, so that 16-byte loads may run over the end of any area.
  const end = <u64>address + ((<u64>bytes + 127) & ~63);
  const pages = <i64>((end + 0xffff) >> 16) - memory.size();
  if (end > 0xffff0000) return 0;
  if (pages > 0 && memory.grow(<i32>pages) < 0) return 0;
  top = <usize>end;
  return address;
}
