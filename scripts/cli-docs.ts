import type { Command } from 'commander';
import { createProgram } from '../src/cli/program.ts';

/** The text of docs/cli.md: the help of the program and of each command, as they print it. */
export async function cliDocs(): Promise<string> {
  const { commands } = program(() => undefined);
  const sections = [`## tasker\n\n${await helpBlock([])}`];
  for (const command of commands) {
    const name = command.name();
    sections.push(`## tasker ${name}\n\n${await helpBlock([name])}`);
    for (const part of command.commands) {
      const names = [name, part.name()];
      sections.push(`### tasker ${names.join(' ')}\n\n${await helpBlock(names)}`);
    }
  }
  return `# The tasker command

\`npm run tasker -- …\` runs it from a checkout, \`npx tasker …\` where the package is installed.

${sections.join('\n')}
<!-- Generated from the help texts in src/cli by \`npm run docs:cli\`; edit them there. -->
`;
}

function program(print: (text: string) => void): Command {
  return createProgram({ print, run: async () => undefined, helpWidth: 100 });
}

async function helpBlock(command: readonly string[]): Promise<string> {
  let text = '';
  await program((part) => (text += part))
    .parseAsync([...command, '--help'], { from: 'user' })
    // help ends with an exit, which is thrown
    .catch((error: unknown) => {
      if (!(error instanceof Error && 'exitCode' in error && error.exitCode === 0)) throw error;
    });
  return `\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;
}
