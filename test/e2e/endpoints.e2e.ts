import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLedger } from './src/ledger.ts';
import { modes, startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

describe.each(modes())("every endpoint that OpenAI's client covers, on the %s platform", (mode) => {
  let platform: Platform;
  let openai: OpenAI;
  beforeAll(async () => {
    platform = await startPlatform(mode);
    openai = new OpenAI({
      baseURL: platform.access.inferenceUrl,
      apiKey: platform.access.apiKey,
      maxRetries: 0,
    });
  });
  afterAll(async () => {
    await platform[Symbol.asyncDispose]();
  });

  const recording = () => toFile(Buffer.alloc(480_000, 1), 'talk.mp3');
  const picture = () => toFile(Buffer.alloc(70_000, 1), 'picture.png');

  it('completes texts, streamed and not', async () => {
    const request = { model: 'demo-small', prompt: 'Once' };
    const whole = await openai.completions.create(request);
    expect(whole.usage?.total_tokens).toBeGreaterThan(0);
    let text = '';
    for await (const chunk of await openai.completions.create({ ...request, stream: true })) {
      text += chunk.choices[0]?.text ?? '';
      expect(chunk.usage).toBeUndefined();
    }
    expect(text).toBe(whole.choices[0]?.text);
  });

  it('responds, streamed and not, completed and cut short', async () => {
    const request = { model: 'demo-reasoning', input: 'Hello' };
    const whole = await openai.responses.create(request);
    expect(whole.output_text).toBeTruthy();
    expect(whole.usage?.output_tokens_details.reasoning_tokens).toBeGreaterThan(0);
    let text = '';
    const types: string[] = [];
    for await (const event of await openai.responses.create({ ...request, stream: true })) {
      types.push(event.type);
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    expect(text).toBe(whole.output_text);
    expect(types.at(-1)).toBe('response.completed');
    const cut = await openai.responses.create({ ...request, max_output_tokens: 16 });
    expect(cut).toMatchObject({ status: 'incomplete', usage: { output_tokens: 16 } });
  });

  it('embeds and moderates', async () => {
    const { data, usage } = await openai.embeddings.create({ model: 'demo-embed', input: ['a', 'b'] });
    expect(data.map(({ embedding }) => embedding.length)).toEqual([8, 8]);
    expect(usage.prompt_tokens).toBe(2);
    const moderated = await openai.moderations.create({
      model: 'demo-moderation',
      input: 'harmless, no harm',
    });
    expect(moderated.results[0]?.flagged).toBe(true);
  });

  it('makes images, and images from images, streamed and not', async () => {
    const made = await openai.images.generate({ model: 'demo-image', prompt: 'a heron', n: 2 });
    expect(made.data).toHaveLength(2);
    const edited = await openai.images.edit({
      image: await picture(),
      prompt: 'a heron',
      model: 'demo-image',
    });
    expect(edited.data?.[0]?.b64_json).toBeTruthy();
    const varied = await openai.images.createVariation({ image: await picture(), model: 'demo-image' });
    expect(varied.data).toHaveLength(1);
    const types: string[] = [];
    for await (const event of await openai.images.generate({
      model: 'demo-image',
      prompt: 'a heron',
      stream: true,
      partial_images: 1,
    })) {
      types.push(event.type);
    }
    expect(types).toEqual(['image_generation.partial_image', 'image_generation.completed']);
  });

  it('speaks', async () => {
    const spoken = await openai.audio.speech.create({
      model: 'demo-tts',
      voice: 'alloy',
      input: 'Hello',
      response_format: 'wav',
    });
    const audio = Buffer.from(await spoken.arrayBuffer());
    expect([audio.toString('latin1', 0, 4), audio.length]).toEqual(['RIFF', 44 + 14_400]);
  });

  it('transcribes and translates recordings, in every format', async () => {
    // The client writes the fields in this order, so the model is behind the file here and in front of it below.
    const behind = { file: await recording(), model: 'demo-transcribe' };
    expect((await openai.audio.transcriptions.create(behind)).text).toContain('30 seconds');
    expect((await openai.audio.translations.create(behind)).text).toContain('30 seconds');
    const front = { model: 'demo-transcribe', file: await recording() };
    const detailed = await openai.audio.transcriptions.create({ ...front, response_format: 'verbose_json' });
    expect(detailed.duration).toBe(30);
    expect(await openai.audio.transcriptions.create({ ...front, response_format: 'srt' })).toContain('-->');
    let text = '';
    for await (const event of await openai.audio.transcriptions.create({ ...front, stream: true })) {
      if (event.type === 'transcript.text.delta') text += event.delta;
    }
    expect(text).toContain('30 seconds');
  });

  it('has all of it in the ledger, closed once and priced', async () => {
    const attempts = await until('every attempt closed', async () => {
      const all = await readLedger(platform.databaseUrl);
      return all.length === 17 && all.every(({ closes }) => closes === 1) ? all : undefined;
    });
    // Two images, three single ones: a cent each. Five recordings of 30 seconds at 0.6 cents a minute.
    const ofImages = attempts.filter(
      ({ costNano }) => costNano >= 10_000_000n && costNano % 10_000_000n === 0n,
    );
    expect(ofImages.reduce((sum, { costNano }) => sum + costNano, 0n)).toBe(50_000_000n);
    expect(attempts.filter(({ costNano }) => costNano === 3_000_000n)).toHaveLength(5);
  });
});
