// How an indicator is computed, in its own words and its formula: on the criteria view without
// figures, on a unit's with the figures it was given.

import { brief, exact } from './format.js';
import * as api from './api.js';
import { t, vietnamese } from './i18n.js';
import { Scroll, Term, When } from './parts.jsx';
import { word } from './words.js';

const Official = ({ children }) => children && <span lang={vietnamese()}>{children}</span>;

const Raw = ({ hash }) => (hash
  ? <a href={api.rawUrl(hash)}>{t('bản gốc')} <code title={hash}>{hash.slice(0, 8)}…</code></a>
  : t('không có'));

/** A figure as its kind is read: a level by its words, yes or no, else every digit. */
function Value({ figure }) {
  if (figure.value === null) {
    return t('đã rút lại');
  }
  if (figure.kind === 'yes_no') {
    return <b>{figure.value === '1' ? t('có') : t('không')}</b>;
  }
  if (figure.kind === 'option') {
    return <><b>{t('mức {n}', { n: figure.value })}</b>{figure.text && <small lang={vietnamese()}>{figure.text}</small>}</>;
  }
  return <b>{exact(figure.value)}</b>;
}

/** Each quantity of the formula; with its figure where one was read. */
function Inputs({ inputs, figures, title }) {
  const found = new Map(figures?.map((f) => [f.id, f]));
  return (
    <Scroll label={title}>
      <table class="inputs">
        <caption class="sr">{title}</caption>
        <thead>
          <tr>
            <th scope="col">{t('Ký hiệu')}</th><th scope="col">{t('Đại lượng')}</th>
            {figures && <th scope="col" class="num">{t('Giá trị')}</th>}
            <th scope="col">{t('Đơn vị đo')}</th>
            {!figures && <th scope="col">{t('Bên cung cấp')}</th>}
            {figures && <><th scope="col">{t('Nguồn')}</th><th scope="col">{t('Đọc lúc')}</th>
              <th scope="col">{t('Bản gốc')}</th></>}
          </tr>
        </thead>
        <tbody>
          {inputs.map(({ name, figure: id, title: words, unit, provider, texts }) => {
            const figure = found.get(id);
            return (
              <tr key={`${name} ${id}`} data-figure={id}>
                <th scope="row">{name}</th>
                <td><Official>{words ?? id}</Official>{!figures && texts.map((text, i) => (
                  <small key={text} lang={vietnamese()}>{i + 1}: {text}</small>))}</td>
                {figures && <td class="num">{figure ? <Value figure={figure} /> : t('chưa có')}</td>}
                <td><Official>{unit}</Official></td>
                {!figures && <td>{word(provider)}</td>}
                {figures && <>
                  <td>{figure && <>{figure.source}<small>{[figure.series, figure.submitter].filter(Boolean).join(' · ')}
                    {' · '}{t('lần {n}', { n: figure.revision })}</small></>}</td>
                  <td>{figure && <When iso={figure.fetched_at} />}</td>
                  <td>{figure && <Raw hash={figure.raw_sha256} />}
                    {figure?.evidence?.map((hash) => <small key={hash}><a href={api.rawUrl(hash)}>{t('tài liệu')} <code title={hash}>{hash.slice(0, 8)}…</code></a></small>)}</td>
                </>}
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}

/** Figures beside the formula: such as the total that a source states itself. */
export const FigureTable = ({ figures, title }) => (
  <Scroll label={title}>
    <table class="inputs">
      <caption>{title}</caption>
      <thead><tr><th scope="col">{t('Đại lượng')}</th><th scope="col" class="num">{t('Giá trị')}</th>
        <th scope="col">{t('Nguồn')}</th><th scope="col">{t('Đọc lúc')}</th><th scope="col">{t('Bản gốc')}</th></tr></thead>
      <tbody>
        {figures.map((f) => (
          <tr key={f.id} data-figure={f.id}>
            <th scope="row"><Official>{f.title ?? f.id}</Official></th>
            <td class="num"><b>{exact(f.value)}</b></td>
            <td>{f.source}<small>{f.series} · {t('lần {n}', { n: f.revision })}</small></td>
            <td><When iso={f.fetched_at} /></td><td><Raw hash={f.raw_sha256} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scroll>
);

/** `figures`: those of a unit, or undefined on the criteria view. */
export function Explanation({ indicator, figures }) {
  const { formula, worked, inputs, text, note, ...more } = indicator;
  return (
    <div class="explanation">
      {formula && <div class="wide"><h3>{t('Công thức')}</h3><pre lang={vietnamese()}>{formula.trimEnd()}{worked && <b data-worked>{`\n${worked}`}</b>}</pre></div>}
      {inputs?.length > 0 && <div class="wide"><h3>{t('Số liệu đầu vào')}</h3>
        <Inputs inputs={inputs} figures={figures} title={t('Số liệu đầu vào của {code}', { code: indicator.code })} /></div>}
      {text && <div class="wide"><h3>{t('Văn bản quy định')}</h3><p class="official" lang={vietnamese()}>{text}</p></div>}
      {note && <div class="wide"><h3>{t('Ghi chú cách hiểu')}</h3><p lang={vietnamese()}>{note}</p></div>}
      <dl class="facts wide">
        <Term name={t('Đơn vị chấm điểm')}>{more.scorer && <Official>{more.scorer}</Official>}</Term>
        <Term name={t('Cơ quan chủ trì')}>{more.lead && <Official>{more.lead}</Official>}</Term>
        <Term name={t('Cơ quan phối hợp')}>{more.coordinators && <Official>{more.coordinators}</Official>}</Term>
        <Term name={t('Nội dung thực hiện')}>{more.work && <Official>{more.work}</Official>}</Term>
        <Term name={t('Tần suất')}>{more.frequency && <Official>{more.frequency}</Official>}</Term>
        <Term name={t('Căn cứ')}>{more.basis && <Official>{more.basis}</Official>}</Term>
        <Term name={t('Tài liệu kiểm chứng')}>{more.evidence && <Official>{more.evidence}</Official>}</Term>
        <Term name={t('Thay cho tiêu chí')}>{more.replaces && <Official>{more.replaces}</Official>}</Term>
      </dl>
    </div>
  );
}

export const Maximum = ({ max }) => <span class="ratio">{t('tối đa {max}', { max: brief(max) })}</span>;
