/**
 * A guest of one boot sector that tells whether a virtual CPU really runs programs.
 *
 * The firmware loads it at 0x7c00 in 16-bit mode. It makes page tables, goes to 64-bit mode, asks CPUID and the clock, adds
 * 0x15 to itself in an SSE register and writes the sum to the port of QEMU's `isa-debug-exit`, which ends QEMU with
 * twice that number plus one. Each stop on the way is one where half-working KVMs were seen to fail: some only emulate
 * instructions, know those of a firmware, and die at the first SSE instruction of a kernel.
 * Source of the encodings: Intel SDM volume 2; of the way to 64-bit mode: volume 3, "Initializing IA-32e Mode".
 */
const listing: [string, string][] = [
  ["fa fc", "cli; cld"],
  ["31 c0 8e d8 8e c0 8e d0", "xor ax,ax; mov ds,ax; mov es,ax; mov ss,ax"],
  ["bc 00 7c", "mov sp,0x7c00"],
  ["66 bf 00 10 00 00", "mov edi,0x1000     three tables of 4 kB, emptied:"],
  ["66 31 c0 b9 00 0c 66 f3 ab", "xor eax,eax; mov cx,0xc00; rep stosd"],
  ["c7 06 00 10 03 20", "mov word [0x1000],0x2003   level 4 → level 3"],
  ["c7 06 00 20 03 30", "mov word [0x2000],0x3003   level 3 → level 2"],
  ["c7 06 00 30 83 00", "mov word [0x3000],0x0083   the first 2 MB, where we are"],
  ["66 b8 00 10 00 00 0f 22 d8", "mov eax,0x1000; mov cr3,eax"],
  ["0f 20 e0 66 0d 20 06 00 00 0f 22 e0", "cr4 |= PAE, OSFXSR, OSXMMEXCPT"],
  ["66 b9 80 00 00 c0 0f 32", "mov ecx,0xc0000080 (EFER); rdmsr"],
  ["66 0d 00 01 00 00 0f 30", "or eax,LME; wrmsr"],
  ["0f 01 16 a0 7c", "lgdt [0x7ca0]"],
  ["0f 20 c0 66 0d 01 00 00 80 24 fb 0f 22 c0", "cr0 |= PG, PE; cr0 &= ~EM"],
  ["ea 6b 7c 08 00", "jmp 0x08:0x7c6b    64-bit from here"],
  ["31 c0 0f a2 0f 31", "xor eax,eax; cpuid; rdtsc"],
  ["b8 15 00 00 00 66 0f 6e c0", "mov eax,0x15; movd xmm0,eax"],
  ["66 0f fe c0 66 0f 7e c0", "paddd xmm0,xmm0; movd eax,xmm0"],
  ["ba 01 05 00 00 ee f4", "mov edx,0x501; out dx,al; hlt"],
  ["00 00 00 00 00 00 00", "to the next multiple of 8"],
  ["00 00 00 00 00 00 00 00", "at 0x7c90: the descriptor that none may use"],
  ["00 00 00 00 00 9a 20 00", "0x08: 64-bit code"],
  ["0f 00 90 7c 00 00", "at 0x7ca0: size and place of the descriptors"],
];

/** Where the guest writes its answer. */
export const exitPort = "0x501";

/** QEMU's exit code when the guest came through: 0x15 twice, doubled, plus one. */
export const exitCode = 2 * 0x15 * 2 + 1;

/** The boot sector: 512 bytes with the mark at the end that makes a firmware boot it. */
export function probeGuest(): Uint8Array {
  const code = listing.flatMap(([bytes]) => bytes.split(" ").map((byte) => Number.parseInt(byte, 16)));
  const sector = new Uint8Array(512);
  sector.set(code);
  sector.set([0x55, 0xaa], 510);
  return sector;
}
