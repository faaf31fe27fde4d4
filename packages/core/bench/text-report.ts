/**
 * `pnpm text:report [FOLDER]`: reads the collection of `test/fixtures/text`, or the `.jsonl` files of another folder, and prints the share that is read as
 * expected, by category, then what is not, by name. docs/text.md keeps the table.
 */
import { checkSoundCase, checkTextCase, readSoundCases, readTextCases } from '../src/text/cases.fixture.ts'
import { createPhonemizer } from '../src/text/phonemize.ts'

await using phonemizer = createPhonemizer()
const results = readTextCases(process.argv[2]).map(checkTextCase)
for (const textCase of readSoundCases(process.argv[2])) results.push(await checkSoundCase(textCase, phonemizer))
const print = (line: string) => process.stdout.write(`${line}\n`)
const row = (name: string, own: typeof results) => {
  const passed = own.filter(result => result.passes).length
  print(`| ${name} | ${own.length} | ${passed} | ${((100 * passed) / own.length).toFixed(1)} % |`)
}
print('| category | cases | as expected | rate |\n|---|---|---|---|')
for (const category of new Set(results.map(result => result.case.category))) {
  row(
    category,
    results.filter(result => result.case.category === category),
  )
}
row('all', results)
print('')
for (const { case: failed, passes, got } of results) {
  if (passes) continue
  const expected = failed.sentences?.join(' | ') ?? [failed.spoken ?? failed.ipa ?? []].flat()[0]
  print(`- ${failed.category}: \`${failed.text}\` is read "${got}", expected "${expected}"`)
}
