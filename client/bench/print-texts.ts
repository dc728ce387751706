/** Prints so many generated texts, one JSON string a line. Run: npx tsx client/bench/print-texts.ts <count> */
import { generatedText } from "./generated-texts.ts";

for (let count = Number(process.argv[2]); count > 0; count--)
  process.stdout.write(`${JSON.stringify(generatedText())}\n`);
