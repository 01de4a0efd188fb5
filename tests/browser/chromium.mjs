// How Chromium is started, for the tests and the screenshots alike.

import { chromium } from 'playwright-core';

export function launch() {
    return chromium.launch({
        executablePath: process.env.CHISO_CHROMIUM ?? '/usr/bin/chromium',
        headless: true,
        args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--lang=vi',
            '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
}
