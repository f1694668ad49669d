// A text that is only read: each line in its own direction.

export function Written({ text }: { text: string }) {
  return (
    <div class="written">
      {text.split(/\r\n?|\n/).map((line, number) => (
        <p key={number} dir="auto">
          {line || "\u00a0"}
        </p>
      ))}
    </div>
  );
}
