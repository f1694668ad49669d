// A message's text as nodes: code, quotes, links, mentions. Long ones are folded.

import { useMemo, useState } from "preact/hooks";
import { memo } from "../memo";
import { useMore } from "../words.more";
import { CopyCode } from "./CopyCode";
import { type Block, fold, type Inline, isEmojiOnly, parse } from "./parse";

const FOLD = 20; // lines

export interface MessageTextProps {
  text: string;
  /** User ids and names of those whom it mentions. */
  names: ReadonlyMap<string, string>;
  me: string | null;
}

export const MessageText = memo(function MessageText({ text, names, me }: MessageTextProps) {
  const words = useMore();
  const [whole, setWhole] = useState(false);
  const { blocks, lines } = useMemo(() => {
    const all = parse(text, names);
    const folded = fold(all, FOLD);
    return whole || folded.lines <= FOLD ? { blocks: all, lines: folded.lines } : folded;
  }, [text, names, whole]);
  if (isEmojiOnly(text)) {
    return (
      <div class="text" data-large>
        {text}
      </div>
    );
  }
  return (
    <div class="text" dir="auto">
      {blocks.map((block, i) => (
        <TextBlock key={i} block={block} me={me} />
      ))}
      {lines > FOLD && (
        <button type="button" class="button text-more" data-kind="link" tabIndex={-1} onClick={() => setWhole(!whole)}>
          {whole ? words.showLess : words.showAll(lines)}
        </button>
      )}
    </div>
  );
});

function TextBlock({ block, me }: { block: Block; me: string | null }) {
  if (block.kind === "code") return <CodeBlock text={block.text} language={block.language} />;
  const nodes = block.nodes.map((node, i) => <Node key={i} node={node} me={me} />);
  return block.kind === "quote" ? <blockquote dir="auto">{nodes}</blockquote> : <p dir="auto">{nodes}</p>;
}

function Node({ node, me }: { node: Inline; me: string | null }) {
  if (typeof node === "string") return <>{node}</>;
  switch (node.kind) {
    case "code":
      return <code dir="ltr">{node.text}</code>;
    case "link":
      return (
        <a href={node.href} target="_blank" rel="noopener noreferrer nofollow ugc" tabIndex={-1} dir="ltr">
          {node.text}
        </a>
      );
    case "mention":
      return (
        <span class="mention" data-me={node.user === me}>
          <bdi>{node.text}</bdi>
        </span>
      );
    case "control":
      return <span class="control">{node.text}</span>;
  }
}

function CodeBlock({ text, language }: { text: string; language: string }) {
  return (
    <div class="code">
      <pre dir="ltr" data-language={language || undefined}>
        <code>{text}</code>
      </pre>
      <CopyCode text={text} />
    </div>
  );
}
