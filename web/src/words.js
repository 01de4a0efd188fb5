// Codes of the API in words.

import { t } from './i18n.js';

export const WORDS = {
  province: 'Tỉnh, thành phố', commune: 'Xã, phường', department: 'Sở, ngành', district: 'Huyện',
  year: 'năm', quarter: 'quý', month: 'tháng',
  machine: 'máy đọc', statistics: 'thống kê', unit: 'đơn vị báo cáo',
  scored: 'Đã chấm', missing: 'Thiếu số liệu', invalid: 'Không hợp lệ',
  undefined: 'Không xác định', excluded: 'Không đánh giá',
  good: 'Đọc tốt', no_data: 'Nguồn chưa có số liệu', blocked: 'Bị nguồn chặn',
  quarantined: 'Đã cách ly để kiểm tra', retrying: 'Đang thử lại',
  ratio_gt_1: 'tỷ lệ lớn hơn 1', inconsistent: 'số liệu mâu thuẫn',
  zero_denominator: 'mẫu số bằng 0', no_peer: 'không có đơn vị để so',
};

/** The words for a level, a status, an outcome or a flag; one not known yet stays as it is. */
export const word = (name) => (Object.hasOwn(WORDS, name) ? t(WORDS[name]) : name);

export function periodName(period) {
  const [, year, quarter, month] = /^(\d{4})(?:-(?:Q(\d)|(\d\d)))?$/.exec(period) ?? [];
  return month ? t('Tháng {month}/{year}', { month, year })
    : quarter ? t('Quý {quarter}/{year}', { quarter, year })
      : year ? t('Năm {year}', { year }) : period;
}

export function groupName({ level, parent, parent_name: name }) {
  return word(level) + (parent ? ` – ${name ?? parent}` : '');
}

/** [sign, words] of a move between two ranks: ["▲2", "tăng 2 hạng"]. */
export function move(rank, previous) {
  if (!rank || !previous) {
    return ['', ''];
  }
  const steps = Number(previous) - Number(rank);
  return steps > 0 ? [`▲${steps}`, t('tăng {n} hạng', { n: steps })]
    : steps < 0 ? [`▼${-steps}`, t('giảm {n} hạng', { n: -steps })] : ['', ''];
}
