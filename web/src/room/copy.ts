// Copies text, also where a page without TLS has no clipboard of its own.

export async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const take = (event: ClipboardEvent) => {
    event.clipboardData?.setData("text/plain", text);
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  document.addEventListener("copy", take, true);
  try {
    document.execCommand("copy");
  } finally {
    document.removeEventListener("copy", take, true);
  }
}
