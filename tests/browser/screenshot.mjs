// node screenshot.mjs URL OUT.png [--width 1440] [--height 900] [--dark] [--full]

import { parseArgs } from 'node:util';
import { launch } from './chromium.mjs';

const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        width: { type: 'string', default: '1440' },
        height: { type: 'string', default: '900' },
        dark: { type: 'boolean', default: false },
        full: { type: 'boolean', default: false },
    },
});
const [url, out] = positionals;
const size = { width: Number(values.width), height: Number(values.height) };
if (positionals.length !== 2 || !(size.width > 0) || !(size.height > 0)) {
    console.error('usage: node screenshot.mjs URL OUT.png [--width N] [--height N] [--dark] [--full]');
    process.exit(2);
}

const browser = await launch();
try {
    const page = await browser.newPage({
        viewport: size, locale: 'vi-VN', colorScheme: values.dark ? 'dark' : 'light', reducedMotion: 'reduce',
    });
    await page.goto(url);
    await page.locator('#ranking tbody tr, #criteria details').first().waitFor({ state: 'attached', timeout: 30000 });
    if (new URL(url).searchParams.get('unit')) {
        await page.locator('#unit .score').waitFor({ timeout: 30000 });
    }
    await page.locator('#state[data-state="live"]').waitFor({ timeout: 30000 });
    await page.screenshot({ path: out, fullPage: values.full });
} finally {
    await browser.close();
}
